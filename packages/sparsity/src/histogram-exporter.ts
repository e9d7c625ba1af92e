import type { ExportSource, JsonObject, ModelExporter } from '@nncf/core';
import { tidy, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import { histogramPage, type WeightPair } from './histogram-page.ts';

/**
 * Writes a page of weight histograms: `algo.exportModel('weights.html', { exporter: 'histogram' })`. Option `title`.
 * Every weight is shown that an operator of the plan changes, whatever the algorithm.
 */
export const histogramExporter: ModelExporter = {
  format: 'histogram',
  serialize(source: ExportSource, options: JsonObject): Uint8Array {
    const title = typeof options['title'] === 'string' ? options['title'] : 'Weights';
    return new TextEncoder().encode(histogramPage(title, weightPairs(source)));
  },
};

function weightPairs({ plan, variables, operators }: ExportSource): WeightPair[] {
  const names = new Set(plan.commands.filter(({ target }) => target === 'weight').flatMap(({ values }) => values));
  return [...variables]
    .filter(([name]) => names.has(name))
    .map(([name, variable]) => {
      const chain = plan.commands.filter(({ target, values }) => target === 'weight' && values.includes(name));
      return {
        name,
        before: variable.dataSync(),
        after: compressed(
          variable,
          chain.flatMap(({ operator }) => operators.get(operator) ?? []),
        ),
      };
    });
}

function compressed(
  variable: Variable,
  operators: readonly { apply(x: Tensor, context: { training: boolean }): Tensor }[],
): ArrayLike<number> {
  return tidy(() => operators.reduce<Tensor>((weight, operator) => operator.apply(weight, { training: false }), variable).dataSync());
}
