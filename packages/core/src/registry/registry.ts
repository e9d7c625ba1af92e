import 'reflect-metadata';
import { container, type DependencyContainer } from 'tsyringe';
import { NncfError } from '../errors.ts';

/** Names a kind of plug-in and the type that its plug-ins have. */
export interface RegistryToken<Plugin> {
  /** What the plug-ins are, for messages: `algorithm`. */
  readonly kind: string;
  /** Never read: carries the type. */
  readonly plugin?: Plugin;
}

/** Makes a token. Two tokens with one `kind` are one. */
export function registryToken<Plugin>(kind: string): RegistryToken<Plugin> {
  return { kind };
}

// One child per copy of this package: clearing it in a test touches nobody else's registrations.
const plugins: DependencyContainer = container.createChildContainer();
const names = new Map<string, string[]>();

const keyOf = (kind: string, name: string): string => `nncf:${kind}:${name}`;

/**
 * Registers a plug-in under a name. Registering the same object again does nothing, so a double import is harmless.
 *
 * @throws NncfError `ALREADY_REGISTERED` when another plug-in has the name: nothing is overwritten silently.
 */
export function register<Plugin>(token: RegistryToken<Plugin>, name: string, plugin: Plugin): void {
  const present = find(token, name);
  if (present === plugin) return;
  if (present !== undefined) throw alreadyRegistered(token.kind, name);
  plugins.register<Plugin>(keyOf(token.kind, name), { useValue: plugin });
  names.set(token.kind, [...(names.get(token.kind) ?? []), name]);
}

/** The plug-in with this name, or undefined. */
export function find<Plugin>(token: RegistryToken<Plugin>, name: string): Plugin | undefined {
  const key = keyOf(token.kind, name);
  return plugins.isRegistered(key) ? plugins.resolve<Plugin>(key) : undefined;
}

/** Names registered for a kind, in order of registration. */
export function registered<Plugin>(token: RegistryToken<Plugin>): readonly string[] {
  return names.get(token.kind) ?? [];
}

function alreadyRegistered(kind: string, name: string): NncfError {
  return new NncfError({
    code: 'ALREADY_REGISTERED',
    message: `Another ${kind} is registered as "${name}".`,
    hint: 'Two versions of one package may be installed; `npm ls` shows them. Otherwise give yours another name.',
  });
}
