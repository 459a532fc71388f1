import { packageRequire } from '../../config/package-root.js';
import { messageOf } from '../../errors.js';
import type { Addon } from './addon.js';
import { knownCore } from './find-core.js';

/** The core add-on, loaded into this process for what it does without a backend; or why there is none. Never throws. */
export async function coreAddon(): Promise<Addon | string> {
  const { path } = await knownCore();
  if (path === null) return 'there is no native add-on that works here';
  try {
    return packageRequire(path) as Addon;
  } catch (error) {
    // It worked when it was probed, which may be long ago.
    return messageOf(error);
  }
}
