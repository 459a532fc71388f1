import { BufferPool } from '../../tensor/buffer-pool.js';

/** What inputs are copied into. The workers send it back. */
export const inputBuffers = new BufferPool(1 << 26);
