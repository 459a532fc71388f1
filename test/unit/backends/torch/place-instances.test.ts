import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leastLoaded, placeInstances } from '#src/backends/torch/place-instances';

const three = ['cuda:0', 'cuda:1', 'cuda:3'];
const counts = (instances: number, devices = three) =>
  placeInstances(instances, devices).map(({ device, instances }) => [device, instances]);

test('instances are spread evenly, the first devices having one more', () => {
  assert.deepEqual(counts(3), [
    ['cuda:0', 1],
    ['cuda:1', 1],
    ['cuda:3', 1],
  ]);
  assert.deepEqual(counts(8), [
    ['cuda:0', 3],
    ['cuda:1', 3],
    ['cuda:3', 2],
  ]);
});

test('devices that get none are left out', () => {
  assert.deepEqual(counts(2), [
    ['cuda:0', 1],
    ['cuda:1', 1],
  ]);
  assert.deepEqual(counts(1, ['cpu']), [['cpu', 1]]);
});

test('none are lost, and none are made up', () => {
  for (let devices = 1; devices <= 5; devices++) {
    const names = Array.from({ length: devices }, (_, index) => `cuda:${index}`);
    for (let instances = 1; instances <= 12; instances++) {
      const placed = placeInstances(instances, names).map((placement) => placement.instances);
      assert.equal(
        placed.reduce((sum, count) => sum + count, 0),
        instances,
      );
      assert.ok(Math.max(...placed) - Math.min(...placed) <= 1);
    }
  }
});

test('the least loaded has the fewest calls for each of its instances', () => {
  const index = (...parts: [inFlight: number, instances: number][]) =>
    leastLoaded(parts.map(([inFlight, instances]) => ({ inFlight, instances })));
  assert.equal(index([0, 1], [0, 1]), 0);
  assert.equal(index([1, 1], [0, 1]), 1);
  assert.equal(index([2, 3], [1, 1]), 0);
  assert.equal(index([3, 2], [1, 1], [2, 4]), 2);
  assert.equal(index([2, 2], [1, 1]), 0);
});
