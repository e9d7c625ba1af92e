/** Builds all packages; what has not changed comes out of turbo's cache. @throws Error when a build fails */
export function build(): void;

/**
 * Packs one built package as it would be published.
 *
 * @param name folder below `packages`
 * @returns path of the tarball
 * @throws Error when it cannot be packed
 */
export function pack(name: string, destination: string): string;
