/** Channels of a file as numbers. Channels that are added up are one class, which lives and dies as a whole. */
export class ChannelRegistry {
  private readonly parents: number[] = [];
  private readonly kept = new Set<number>();

  /** New channels that nothing reads yet. */
  create(count: number): number[] {
    const first = this.parents.length;
    const channels = Array.from({ length: count }, (_, i) => first + i);
    this.parents.push(...channels);
    return channels;
  }

  /** Makes two lists of one length the same, position by position. */
  join(a: readonly number[], b: readonly number[]): void {
    a.forEach((channel, i) => this.joinTwo(channel, b[i] ?? channel));
  }

  /** These channels are read, or must stay for another reason. */
  keep(channels: Iterable<number>): void {
    for (const channel of channels) this.kept.add(this.rootOf(channel));
  }

  isKept(channel: number): boolean {
    return this.kept.has(this.rootOf(channel));
  }

  private joinTwo(a: number, b: number): void {
    const [root, other] = [this.rootOf(a), this.rootOf(b)];
    if (root === other) return;
    this.parents[other] = root;
    if (this.kept.has(other)) this.kept.add(root);
  }

  private rootOf(channel: number): number {
    let root = channel;
    for (let next = this.parents[root]; next !== undefined && next !== root; next = this.parents[root]) root = next;
    this.parents[channel] = root;
    return root;
  }
}
