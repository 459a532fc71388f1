import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { labelOf, readSampleLabels } from '#src/optimize/sample-labels';
import { rejects } from '../../support/expect-error.js';
import { makeFolder } from '../support/files.js';

async function read(t: TestContext, name: string, content: string, labels?: readonly string[]) {
  return [...(await readSampleLabels(join(await makeFolder(t, { [name]: content }), name), labels))];
}

const EXPECTED = [
  ['a.png', 3],
  ['b.png', 0],
];

describe('classes in a .csv file', () => {
  const files: [what: string, content: string][] = [
    ['with a heading', 'file,class\na.png,3\nb.png,0\n'],
    ['without a heading', 'a.png,3\nb.png,0\n'],
    ['with a heading and the columns the other way round', 'label,filename\n3,a.png\n0,b.png\n'],
    ['with more columns', 'split,image,size,target\ntest,a.png,1,3\ntest,b.png,2,0\n'],
    ['with the class first, and a heading that names only that', 'class,picture\n3,a.png\n0,b.png\n'],
    ['from Windows', '\uFEFFFile,Class\r\na.png, 3\r\nb.png, 0\r\n'],
    ['with empty lines', '\nfile,class\n\na.png,3\n\nb.png,0\n\n'],
    ['with quotes', '"file","class"\n"a.png","3"\n"b.png","0"\n'],
  ];
  for (const [what, content] of files) {
    test(what, async (t) => assert.deepEqual(await read(t, 'classes.csv', content), EXPECTED));
  }

  test('may be labels of the model, with commas and quotes in them', async (t) => {
    const labels = ['hen', 'drake, wild', 'the "loon"'];
    const content = 'file,label\na.png,"drake, wild"\n"b,c.png","the ""loon"""\nd.png,hen\n';
    assert.deepEqual(await read(t, 'classes.csv', content, labels), [
      ['a.png', 1],
      ['b,c.png', 2],
      ['d.png', 0],
    ]);
  });
});

describe('classes in a .json file', () => {
  test('are numbers or labels by file', async (t) => {
    const content = '{"a.png": 3, "b.png": "hen", "c.png": "1"}';
    assert.deepEqual(await read(t, 'classes.JSON', content, ['hen']), [
      ['a.png', 3],
      ['b.png', 0],
      ['c.png', 1],
    ]);
  });
});

describe('a file of classes is refused', () => {
  const refused: [what: string, name: string, content: string, says: string][] = [
    ['with a class that the model does not have', 'c.csv', 'a.png,goose\n', 'a.png is "goose"'],
    ['with a negative class', 'c.csv', 'a.png,-1\n', 'a.png is "-1"'],
    ['with half a class', 'c.json', '{"a.png": 1.5}', 'a.png is 1.5'],
    ['with a class left out', 'c.csv', 'file,class\na.png\n', 'a.png is ""'],
    ['that is not JSON', 'c.json', '{"a.png": ', 'cannot be read'],
    ['that is no object', 'c.json', 'null', 'cannot be read'],
  ];
  for (const [what, name, content, says] of refused) {
    test(what, async (t) => {
      await rejects(read(t, name, content, ['hen']), 'INF_FILE_INVALID', name, says);
    });
  }

  test('that is not there', async () => {
    await rejects(readSampleLabels('/no/such/classes.csv', undefined), 'INF_FILE_INVALID', '/no/such/classes.csv');
  });
});

test('a sample is found by its path, or else by its file alone', () => {
  const labels = new Map([
    ['birds/a.png', 1],
    ['a.png', 2],
  ]);
  assert.equal(labelOf(labels, 'birds/a.png'), 1);
  assert.equal(labelOf(labels, 'fish/a.png'), 2);
  assert.equal(labelOf(labels, 'fish/b.png'), undefined);
});
