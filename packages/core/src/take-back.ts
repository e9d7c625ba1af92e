/** Takes back what was done, the last first. Each step runs once, also where another throws; then that error is thrown. */
export function takeBack(steps: (() => void)[]): void {
  const step = steps.pop();
  if (step === undefined) return;
  try {
    step();
  } finally {
    takeBack(steps);
  }
}
