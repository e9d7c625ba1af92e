import type { CompressionPlan, PlanCommand } from './compression-plan.ts';

/** A plan as text, one operator a line, stable from run to run: made to be committed and compared. */
export function printPlan(plan: CompressionPlan): string {
  const weights = plan.commands.filter((command) => command.target === 'weight').length;
  const lines = plan.commands.map(printCommand);
  return [
    `# ${plan.commands.length} operators: ${weights} on weights, ${plan.commands.length - weights} on activations`,
    ...lines,
    '',
  ].join('\n');
}

function printCommand(command: PlanCommand): string {
  const points = command.points.map(({ node, port, side }) => `${node}[${side === 'result' ? '>' : ''}${port}]`).join(' ');
  return `${command.target} ${command.transform} ${command.operator} | ${command.description} | ${points}`;
}
