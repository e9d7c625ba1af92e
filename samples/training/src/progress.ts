import { SingleBar } from 'cli-progress';

/** Figures beside a bar. */
export interface ProgressFigures {
  readonly loss?: number | undefined;
  /** 0 … 1 */
  readonly accuracy?: number | undefined;
}

/** One task that is under way. */
export interface ProgressBar {
  update(done: number, total: number, figures?: ProgressFigures): void;
  stop(): void;
}

/** Starts showing a task. */
export type ReportProgress = (label: string) => ProgressBar;

/** Bars on a terminal; elsewhere plain lines, one every few seconds. */
export function progressFor(stream: NodeJS.WriteStream = process.stderr, linesEvery = 10): ReportProgress {
  return stream.isTTY ? (label) => terminalBar(label, stream) : (label) => plainLines(label, stream, linesEvery);
}

/** Nothing is shown. */
export const silentProgress: ReportProgress = () => ({ update: () => undefined, stop: () => undefined });

function terminalBar(label: string, stream: NodeJS.WriteStream): ProgressBar {
  const bar = new SingleBar({
    stream,
    format: `${label.padEnd(24)} {bar} {percentage}% {figures} {duration_formatted} gone, {left} left`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: false,
  });
  const clock = stopwatch();
  bar.start(1, 0, { figures: '', left: '…' });
  return {
    update: (done, total, figures) => {
      bar.setTotal(total);
      bar.update(done, { figures: textOf(figures), left: clock.left(done, total) });
    },
    stop: () => bar.stop(),
  };
}

function plainLines(label: string, stream: NodeJS.WriteStream, every: number): ProgressBar {
  const clock = stopwatch();
  let last = '';
  let shown = 0;
  const show = (): void => {
    if (last !== '') stream.write(`${last}\n`);
    last = '';
    shown = clock.seconds();
  };
  return {
    update: (done, total, figures) => {
      const percentage = total === 0 ? 100 : Math.floor((100 * done) / total);
      last = `${label.padEnd(24)} ${`${percentage}%`.padStart(4)} ${textOf(figures)} ${clock.seconds().toFixed(0)} s gone, ${clock.left(done, total)} left`;
      if (done >= total || clock.seconds() - shown >= every) show();
    },
    stop: show,
  };
}

function textOf({ loss, accuracy }: ProgressFigures = {}): string {
  const parts = [
    loss === undefined ? '' : `loss ${loss.toFixed(4)}`,
    accuracy === undefined ? '' : `accuracy ${(100 * accuracy).toFixed(2)} %`,
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function stopwatch(): { seconds(): number; left(done: number, total: number): string } {
  const start = performance.now();
  const seconds = (): number => (performance.now() - start) / 1000;
  const left = (done: number, total: number): string =>
    done === 0 ? '…' : `${Math.round((seconds() * Math.max(0, total - done)) / done)} s`;
  return { seconds, left };
}
