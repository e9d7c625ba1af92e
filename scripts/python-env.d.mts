/**
 * Makes a virtual environment of the project once and returns the path of its interpreter. A variable names another interpreter that has
 * the packages already; then nothing is made.
 *
 * @param options.log told each step; silent by default
 * @param options.environment `peers` (default): what reads exported files, or NNCF_PYTHON. `parity`: NNCF for PyTorch, or NNCF_PARITY_PYTHON
 * @throws Error that says what is missing (python3, pip, the network) and what to do
 */
export function pythonEnv(options?: { readonly log?: (line: string) => void; readonly environment?: 'peers' | 'parity' }): string;
