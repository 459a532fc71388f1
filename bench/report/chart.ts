/** Charts as SVG: panels side by side in rows, on a ground of their own so that dark pages show them as well. */

export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly isOurs: boolean;
  readonly isLight: boolean;
}

export interface Series {
  readonly label: string;
  readonly isOurs: boolean;
  readonly points: readonly { readonly x: number; readonly y: number }[];
}

export type Panel =
  | { readonly kind: 'bars'; readonly title: string; readonly bars: readonly Bar[] }
  | { readonly kind: 'lines'; readonly title: string; readonly xTitle: string; readonly series: readonly Series[] };

const WIDTH = 500;
const HEIGHT = 300;
const COLUMNS = 2;
const OURS = ['#c2410c', '#f59e0b', '#7c2d12'];
const PEERS = ['#1e3a8a', '#2563eb', '#0891b2', '#15803d', '#64748b', '#7c3aed', '#0f766e', '#94a3b8'];

/** A whole chart: a title, and a panel for each model. */
export function chart(title: string, panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const colors = colorsOf(panels.flatMap((panel) => (panel.kind === 'lines' ? panel.series : [])));
  const [width, height] = [WIDTH * Math.min(COLUMNS, panels.length), HEIGHT * rows + 40];
  const drawn = panels.map((panel, index) => {
    const [x, y] = [(index % COLUMNS) * WIDTH, Math.floor(index / COLUMNS) * HEIGHT + 40];
    const content = panel.kind === 'bars' ? drawBars(panel.bars) : drawLines(panel.series, panel.xTitle, colors);
    return `<g transform="translate(${x} ${y})">${text(16, 18, panel.title, 'font-weight="bold"')}${content}</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="#1f2937">`,
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>`,
    text(16, 24, title, 'font-size="15" font-weight="bold"'),
    ...drawn,
    '</svg>\n',
  ].join('\n');
}

/** Of each label, in all panels the same. */
function colorsOf(series: readonly Series[]): ReadonlyMap<string, string> {
  const colors = new Map<string, string>();
  const used = { ours: 0, peers: 0 };
  for (const { label, isOurs } of series) {
    if (colors.has(label)) continue;
    colors.set(label, isOurs ? OURS[used.ours++ % OURS.length]! : PEERS[used.peers++ % PEERS.length]!);
  }
  return colors;
}

/** The best at the top; whoever reads sees how long each bar is, and the number. */
function drawBars(bars: readonly Bar[]): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const step = Math.min(24, (HEIGHT - 50) / bars.length);
  return bars
    .map(({ label, value, isOurs, isLight }, index) => {
      const y = 32 + index * step;
      const length = Math.max(1, (value / most) * 190);
      return [
        text(195, y + step * 0.65, label, 'text-anchor="end"'),
        `<rect x="202" y="${n(y + 2)}" width="${n(length)}" height="${n(step - 5)}" fill="${isOurs ? OURS[0] : PEERS[1]}" fill-opacity="${isLight ? 0.55 : 1}"/>`,
        text(207 + length, y + step * 0.65, number(value)),
      ].join('');
    })
    .join('\n');
}

/** The x axis doubles from step to step; the y axis begins at 0. */
function drawLines(series: readonly Series[], xTitle: string, colors: ReadonlyMap<string, string>): string {
  const points = series.flatMap(({ points }) => points);
  const [most, last] = [Math.max(...points.map(({ y }) => y)), Math.max(...points.map(({ x }) => Math.log2(x)), 1)];
  const [left, top, right, bottom] = [60, 32, 280, HEIGHT - 45];
  const at = ({ x, y }: { x: number; y: number }) =>
    [left + (Math.log2(x) / last) * (right - left), bottom - (y / most) * (bottom - top)] as const;
  const ticks = [...new Set(points.map(({ x }) => x))].map((x) =>
    text(at({ x, y: 0 })[0], bottom + 16, String(x), 'text-anchor="middle"'),
  );
  const grid = [0, 0.5, 1].map((share) => {
    const y = bottom - share * (bottom - top);
    const line = `<line x1="${left}" x2="${right}" y1="${n(y)}" y2="${n(y)}" stroke="#e5e7eb"/>`;
    return line + text(left - 6, y + 4, number(share * most), 'text-anchor="end"');
  });
  const drawn = series.map(({ label, isOurs, points }, index) => {
    const color = colors.get(label);
    const path = points.map((point) => at(point).map(n).join(',')).join(' ');
    const dots = points.map(
      (point) => `<circle cx="${n(at(point)[0])}" cy="${n(at(point)[1])}" r="2.5" fill="${color}"/>`,
    );
    const y = top + 8 + index * 18;
    const key = `<line x1="292" x2="306" y1="${y}" y2="${y}" stroke="${color}" stroke-width="${isOurs ? 3 : 1.5}"/>`;
    const line = `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="${isOurs ? 3 : 1.5}"/>`;
    return line + dots.join('') + key + text(310, y + 4, label, 'font-size="10"');
  });
  return [...grid, ...ticks, text((left + right) / 2, bottom + 34, xTitle, 'text-anchor="middle"'), ...drawn].join(
    '\n',
  );
}

function text(x: number, y: number, content: string, attributes = ''): string {
  return `<text x="${n(x)}" y="${n(y)}" ${attributes}>${escapeXml(content)}</text>`;
}

function n(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function number(value: number): string {
  if (value === 0) return '0';
  return value >= 100 ? Math.round(value).toString() : value.toPrecision(3);
}

function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
