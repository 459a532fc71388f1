const LONGEST = 256;

/** Why a model cannot have this name, undefined if it can. Names become paths and stand in addresses and logs. */
export function nameProblem(name: string): string | undefined {
  if (name.trim() === '') return 'is empty';
  if (name.length > LONGEST) return `is longer than ${LONGEST} characters`;
  if (name !== name.trim()) return 'begins or ends with a blank';
  if (/[/\\]/.test(name)) return 'has a path separator';
  if (/\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}|\uFFFD/u.test(name)) return 'has control characters, or is not Unicode';
  if (name.startsWith('.')) return 'begins with a dot';
  if (name.includes('..')) return 'has ".." in it';
  return undefined;
}

/** A name as it can stand in a message or a log, whatever it is: quoted, escaped and cut. */
export function quoteName(name: unknown): string {
  const text = typeof name === 'string' ? name : String(name);
  return JSON.stringify(text.length > LONGEST ? `${text.slice(0, 60)}...` : text);
}
