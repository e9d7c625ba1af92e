import { SingleBar } from 'cli-progress';
import type { Reporter } from './context.ts';

/** Steps as lines and progress as a bar, on standard error; without a terminal, lines alone. */
export function terminalReporter(stream: NodeJS.WriteStream = process.stderr): Reporter {
  let bar: SingleBar | undefined;
  const settle = (): void => {
    bar?.stop();
    bar = undefined;
  };
  const start = (text: string, total: number): SingleBar => {
    const made = new SingleBar({
      format: `  {bar} {percentage} %  {value} of {total} MB  {eta_formatted} left`,
      stream,
      hideCursor: true,
      barsize: 30,
    });
    made.start(Math.round(total), 0, { text });
    return made;
  };
  return {
    step: (text) => {
      settle();
      stream.write(`[nncf] [libtensorflow] ${text}\n`);
    },
    progress: (text, done, total) => {
      if (!stream.isTTY) return;
      bar ??= start(text, total);
      bar.update(Math.round(done));
    },
    settle,
  };
}
