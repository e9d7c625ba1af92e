/** A table for people; cells are shown as they are. */
export interface StatisticsTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** What an algorithm tells of the live model. */
export interface AlgorithmStatistics {
  /** Single figures by name, `sparsityLevel: 0.5`. */
  readonly values: Readonly<Record<string, number | string>>;
  readonly tables: readonly StatisticsTable[];
}

/** Statistics of all algorithms, by algorithm name. */
export type Statistics = Readonly<Record<string, AlgorithmStatistics>>;
