import * as vega from 'vega';
import { compile } from 'vega-lite';

/** One measured point. */
export interface ScalingPoint {
  readonly along: 'batch' | 'depth' | 'width';
  readonly value: number;
  readonly method: string;
  readonly milliseconds: number;
}

/** Draws points as an SVG, one panel for each direction. */
export async function scalingPlot(points: readonly ScalingPoint[]): Promise<string> {
  const panels = (['batch', 'depth', 'width'] as const).map((along) => ({
    title: along,
    data: { values: points.filter((point) => point.along === along) },
    mark: { type: 'line', point: true } as const,
    encoding: {
      x: { field: 'value', type: 'quantitative', title: along, scale: { type: 'log', base: 2 } },
      y: { field: 'milliseconds', type: 'quantitative', title: 'milliseconds a step', scale: { type: 'log' } },
      color: { field: 'method', type: 'nominal', title: 'method' },
    } as const,
  }));
  const { spec } = compile({ background: 'white', hconcat: panels });
  return new vega.View(vega.parse(spec), { renderer: 'none' }).toSVG();
}
