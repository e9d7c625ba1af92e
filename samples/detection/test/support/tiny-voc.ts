import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';

const SIDE = 48;

/** Writes pictures of one bright square (class `square`) or one bright bar (class `bar`) on grey in the layout of Pascal VOC. */
export async function writeTinyVoc(root: string, splits: Readonly<Record<string, number>>): Promise<void> {
  for (const folder of ['Annotations', 'JPEGImages', 'ImageSets/Main']) await mkdir(join(root, folder), { recursive: true });
  for (const [split, count] of Object.entries(splits)) {
    const names = Array.from({ length: count }, (_, place) => `${split}${place}`);
    await writeFile(join(root, `ImageSets/Main/${split}.txt`), names.join('\n'));
    await Promise.all(names.map((name, place) => writePicture(root, name, place)));
  }
}

async function writePicture(root: string, name: string, place: number): Promise<void> {
  const [kind, width, height] = place % 2 === 0 ? (['square', 16, 16] as const) : (['bar', 32, 8] as const);
  const [left, top] = [(place * 5) % (SIDE - width), (place * 7) % (SIDE - height)];
  const object = await sharp({ create: { width, height, channels: 3, background: '#f0e040' } })
    .png()
    .toBuffer();
  await sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: '#404040' } })
    .composite([{ input: object, left, top }])
    .jpeg()
    .toFile(join(root, `JPEGImages/${name}.jpg`));
  const box = `<xmin>${left + 1}</xmin><ymin>${top + 1}</ymin><xmax>${left + width}</xmax><ymax>${top + height}</ymax>`;
  await writeFile(
    join(root, `Annotations/${name}.xml`),
    `<annotation><size><width>${SIDE}</width><height>${SIDE}</height></size><object><name>${kind}</name><bndbox>${box}</bndbox></object></annotation>`,
  );
}
