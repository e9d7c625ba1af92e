/** Figures of a confusion matrix. */
export interface SegmentationScore {
  /** Mean of the classes' intersections over unions, 0 … 1, over the classes that the truth or the network has; 0 where there are none. */
  readonly meanIoU: number;
  /** Intersection over union of each class; undefined for one that neither has. */
  readonly iou: readonly (number | undefined)[];
  /** Share of pixels with the right class. */
  readonly accuracy: number;
  /** Pixels that were looked at. */
  readonly pixels: number;
}

/** Counts pixels by their class (row) and the class that a network gives them (column). */
export class ConfusionMatrix {
  /** `[classes, classes]`, row by row. */
  readonly counts: Float64Array;
  readonly classes: number;

  constructor(classes: number) {
    this.classes = classes;
    this.counts = new Float64Array(classes * classes);
  }

  /** Counts pixels; those whose class is none of them are left out. */
  add(truth: ArrayLike<number>, predicted: ArrayLike<number>): void {
    for (let place = 0; place < truth.length; place++) {
      const label = truth[place]!;
      if (label >= 0 && label < this.classes) this.counts[label * this.classes + predicted[place]!]! += 1;
    }
  }

  /** tp / (tp + fp + fn) of each class, and what follows from them. */
  score(): SegmentationScore {
    const labels = Array.from({ length: this.classes }, (_, label) => label);
    const at = (row: number, column: number): number => this.counts[row * this.classes + column]!;
    const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
    const right = labels.map((label) => at(label, label));
    const iou = labels.map((label) => {
      const union = sum(labels.map((other) => at(label, other) + at(other, label))) - right[label]!;
      return union === 0 ? undefined : right[label]! / union;
    });
    const present = iou.filter((value) => value !== undefined);
    const pixels = sum([...this.counts]);
    return {
      iou,
      pixels,
      meanIoU: present.length === 0 ? 0 : sum(present) / present.length,
      accuracy: pixels === 0 ? 0 : sum(right) / pixels,
    };
  }
}
