import { join } from 'node:path';
import { type LoadOptions, listBackends, load, type Model } from 'infernode';
import { repository } from './test-data.js';

const status = (await listBackends()).find((backend) => backend.name === 'torch')!;

/** A test's option: skips it, and says why, where the torch backend does not work. */
export const needsTorch = status.available ? false : `needs the torch backend: ${status.reason}`;

/** The path of a file that test/fixtures/make.py made. */
export function fixture(name: string): string {
  return join(repository, 'test/fixtures', name);
}

/** Loads one of the TorchScript fixtures. */
export function loadFixture(name: string, options: LoadOptions = {}): Promise<Model> {
  return load(fixture(`${name}.pt`), { backend: 'torch', ...options });
}
