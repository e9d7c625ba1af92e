/**
 * Makes the project's virtual environment once and returns the path of its interpreter. `NNCF_PYTHON` names another
 * interpreter that has the packages already; then nothing is made.
 *
 * @param options.log told each step; silent by default
 * @throws Error that says what is missing (python3, pip, the network) and what to do
 */
export function pythonEnv(options?: { readonly log?: (line: string) => void }): string;
