/** How many instances of a model a device has. */
export interface Placement {
  readonly device: string;
  readonly instances: number;
}

/**
 * Spreads the instances of a model over devices as evenly as they go, the first devices having one more. A device that gets
 * none is left out.
 */
export function placeInstances(instances: number, devices: readonly string[]): Placement[] {
  const each = Math.floor(instances / devices.length);
  const more = instances % devices.length;
  return devices
    .map((device, index) => ({ device, instances: each + (index < more ? 1 : 0) }))
    .filter((placement) => placement.instances > 0);
}

/** The index of the part with the least work for each of its instances; the first of several. */
export function leastLoaded(parts: readonly { readonly inFlight: number; readonly instances: number }[]): number {
  let best = 0;
  for (const [index, { inFlight, instances }] of parts.entries()) {
    if (inFlight * parts[best]!.instances < parts[best]!.inFlight * instances) best = index;
  }
  return best;
}
