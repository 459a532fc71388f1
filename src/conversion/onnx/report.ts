import { isStandard } from './attributes.js';
import type { NodeProto } from './onnx-proto.js';

/** How many nodes of an operator were left as they are, and why. */
export interface LeftOperators {
  readonly operator: string;
  readonly count: number;
  readonly reason: string;
}

/** What a conversion did. */
export interface QuantizationReport {
  /** Nodes that now compute in the new precision, by operator (`Conv`, `com.microsoft.Attention`). */
  readonly quantized: Readonly<Record<string, number>>;
  readonly left: readonly LeftOperators[];
  /** Bytes of the weights; of the files, data beside them included, where a file was converted. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Weights out of the range of the new type that were set to its nearest value. */
  readonly clamped: number;
}

/** An operator's name with its domain, where it is not the format's own. */
export function operatorName(node: NodeProto): string {
  return isStandard(node) ? node.opType : `${node.domain}.${node.opType}`;
}

/** Collects what becomes of each node. */
export class ReportBuilder {
  readonly #quantized = new Map<string, number>();
  readonly #left = new Map<string, { operator: string; count: number; reason: string }>();
  clamped = 0;

  quantized(operator: string): void {
    this.#quantized.set(operator, (this.#quantized.get(operator) ?? 0) + 1);
  }

  left(operator: string, reason: string): void {
    const key = `${operator}\n${reason}`;
    const row = this.#left.get(key);
    if (row === undefined) this.#left.set(key, { operator, count: 1, reason });
    else row.count++;
  }

  /** The number of nodes converted so far. */
  get total(): number {
    return [...this.#quantized.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Why nodes were left, for an error: `3 Conv: the weights are computed`. */
  get reasons(): string {
    return [...this.#left.values()].map(({ operator, count, reason }) => `${count} ${operator}: ${reason}`).join('; ');
  }

  finish(bytesBefore: number, bytesAfter: number): QuantizationReport {
    return {
      quantized: Object.fromEntries([...this.#quantized].sort(([a], [b]) => (a < b ? -1 : 1))),
      left: [...this.#left.values()],
      bytesBefore,
      bytesAfter,
      clamped: this.clamped,
    };
  }
}
