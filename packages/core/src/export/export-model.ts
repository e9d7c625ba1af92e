import type { JsonObject } from '../json.ts';
import { resolvePlugin } from '../registry/resolve.ts';
import type { ExportSource } from './exporter.ts';
import { exporterToken } from './tokens.ts';

/** Serializes with the exporter of a format, importing `@nncf/<format>-exporter` from the user's project when needed. */
export async function exportBytes(
  format: string,
  source: ExportSource,
  options: JsonObject,
  plugins: readonly string[],
): Promise<Uint8Array> {
  const own = `@nncf/${format}-exporter`;
  const exporter = await resolvePlugin(exporterToken, format, {
    packages: [own, ...plugins],
    suggestion: own,
  });
  return exporter.serialize(source, options);
}
