import type { Session } from '../../backends/backend.js';
import type { ModelObserver } from '../observer.js';
import type { ByteBudget } from './byte-budget.js';
import type { ComputeShare } from './compute-share.js';
import type { CostModel } from './cost-model.js';
import type { BatchPolicy } from './policy.js';

/** What a scheduler works with. */
export interface SchedulerParts {
  readonly session: Session;
  readonly policy: BatchPolicy;
  /** The method whose rows may be joined. */
  readonly method: string;
  readonly share: ComputeShare;
  readonly observer: ModelObserver;
  /** What calls cost, as far as is known already. */
  readonly cost: CostModel;
  /** What it shares with other models; undefined for no limit. */
  readonly budget: ByteBudget | undefined;
}
