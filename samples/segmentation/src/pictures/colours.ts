/** Colours of the classes, far apart from one to the next: hues of the golden angle in three rings of brightness. */
function classColour(label: number): readonly [red: number, green: number, blue: number] {
  const hue = (label * 137.508) % 360;
  const value = [0.95, 0.75, 0.55][label % 3]!;
  const channel = (offset: number): number => {
    const place = (offset + hue / 60) % 6;
    return Math.round(255 * value * (1 - 0.75 * Math.max(0, Math.min(place, 4 - place, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}

/** A mask as RGB; black where the class is none of them. */
export function colourMask(mask: ArrayLike<number>, classes: number): Uint8Array {
  const colours = Array.from({ length: classes }, (_, label) => classColour(label));
  const pixels = new Uint8Array(3 * mask.length);
  for (let pixel = 0; pixel < mask.length; pixel++) pixels.set(colours[mask[pixel]!] ?? [0, 0, 0], 3 * pixel);
  return pixels;
}
