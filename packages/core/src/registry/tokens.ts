import type { AlgorithmDefinition } from '../algorithm/definition.ts';
import { register, registryToken, type RegistryToken } from './registry.ts';

/** Compression methods, by the name that a configuration uses. */
export const algorithmToken: RegistryToken<AlgorithmDefinition> = registryToken('algorithm');

/** Registers a compression method. */
export function registerAlgorithm<Config>(definition: AlgorithmDefinition<Config>): void {
  register(algorithmToken, definition.name, definition as AlgorithmDefinition);
}
