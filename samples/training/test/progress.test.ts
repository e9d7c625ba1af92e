import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { progressFor } from '../src/progress.ts';

/** A stream that is no terminal, and what was written to it. */
function pipe(): { stream: NodeJS.WriteStream; text: () => string } {
  const through = new PassThrough();
  let written = '';
  through.on('data', (chunk: Buffer) => void (written += chunk.toString()));
  return { stream: Object.assign(through, { isTTY: false }) as PassThrough as NodeJS.WriteStream & PassThrough, text: () => written };
}

describe('progressFor', () => {
  test('away from a terminal: plain lines with loss, accuracy and time left', async () => {
    const { stream, text } = pipe();
    const bar = progressFor(stream, 0)('training');
    bar.update(1, 4, { loss: 0.5, accuracy: 0.875 });
    bar.update(4, 4, { loss: 0.25, accuracy: 0.9 });
    bar.stop();
    await new Promise((resolve) => setImmediate(resolve));
    const lines = text().trim().split('\n');
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^training +25% loss 0\.5000 accuracy 87\.50 % 0 s gone, 0 s left$/);
    expect(lines[1]).toContain('100% loss 0.2500 accuracy 90.00 %');
    expect(text()).not.toContain('\u001b');
  });

  test('lines keep their distance, and the last state is never lost', async () => {
    const { stream, text } = pipe();
    const bar = progressFor(stream, 60)('evaluation');
    for (let done = 1; done < 50; done++) bar.update(done, 100);
    bar.stop();
    await new Promise((resolve) => setImmediate(resolve));
    expect(text().trim().split('\n')).toHaveLength(1);
    expect(text()).toContain('49%');
  });
});
