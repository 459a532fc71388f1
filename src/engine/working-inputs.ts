import type { InputValue, Outputs, Session, Signature } from '../backends/backend.js';
import type { InputMaker } from './made-up-inputs.js';

/** A method to try, and inputs for it. */
export interface Trial {
  readonly session: Session;
  readonly method: string;
  readonly signature: Signature;
  readonly maker: InputMaker;
}

/** Made-up inputs of one row that the model takes, and what came out. */
export interface WorkingInputs {
  readonly attempt: number;
  readonly first: InputValue[];
  readonly outputs: Outputs;
}

/**
 * Tries made-up inputs until the model takes some; null if it takes none, or if a call would leave traces in its state.
 *
 * @param from the attempt to begin with
 */
export async function findWorkingInputs({ session, method, maker }: Trial, from = 0): Promise<WorkingInputs | null> {
  if (session.info.stateful) return null;
  for (let attempt = from; attempt < maker.attempts; attempt++) {
    const first = maker.make(attempt, 0);
    if (first === null) return null;
    try {
      const outputs = await session.run(method, first);
      // Nothing can be learned from outputs without elements.
      if (Object.values(outputs).every(({ size }) => size > 0)) return { attempt, first, outputs };
    } catch {
      // The sizes do not suit it.
    }
  }
  return null;
}
