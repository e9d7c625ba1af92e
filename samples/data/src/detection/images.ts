/** Hears, once for each file and reason, of what is wrong with a file and what is done about it. */
export type Report = (file: string, reason: string) => void;

/** Objects of a picture. */
export interface Objects {
  /** `[objects, 4]`: top, left, bottom and right as shares of the picture. */
  readonly boxes: Float32Array;
  /** Class of every object; 0 is the background and does not occur. */
  readonly labels: Int32Array;
  /** 1 for what counts neither as found nor as missed: `difficult` in Pascal VOC, crowds in COCO. */
  readonly ignored: Uint8Array;
}

/** A picture with its objects; it is decoded when it is used. */
export interface DetectionImage extends Objects {
  /** The file's name, for reports. */
  readonly file: string;
  /** Number of the picture in COCO's files, else its place in the list. */
  readonly id: number;
  /** Size in pixels, as the annotation says. */
  readonly width: number;
  readonly height: number;
  /** The encoded picture. */
  bytes(): Promise<Uint8Array>;
}

/** A set of pictures with boxes. */
export interface DetectionDataset {
  readonly name: string;
  /** Names of the classes by label; the first is the background. */
  readonly classNames: readonly string[];
  readonly images: readonly DetectionImage[];
  readonly report: Report;
}

/** How annotations are read. */
export interface AnnotationOptions {
  /** Hears of problems. @default a line on standard error */
  readonly onProblem?: Report;
  /** What happens to an object of a class that is not known: left out and reported, or an error. @default 'skip' */
  readonly unknownClass?: 'skip' | 'refuse';
}

/** Passes every pair of file and reason on once. */
export function reportOnce(onProblem: Report = warn): Report {
  const said = new Set<string>();
  return (file, reason) => {
    const line = `${file}: ${reason}`;
    if (said.has(line)) return;
    said.add(line);
    onProblem(file, reason);
  };
}

function warn(file: string, reason: string): void {
  console.warn(`[nncf] [datasets] ${file}: ${reason}`);
}

/** Objects from rows. */
export function objectsOf(
  rows: readonly { readonly box: readonly number[]; readonly label: number; readonly ignored: boolean }[],
): Objects {
  return {
    boxes: Float32Array.from(rows.flatMap(({ box }) => [...box])),
    labels: Int32Array.from(rows, ({ label }) => label),
    ignored: Uint8Array.from(rows, ({ ignored }) => Number(ignored)),
  };
}
