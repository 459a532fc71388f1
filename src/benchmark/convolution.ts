/** The convolution whose speed is a limit: as many filters as channels, of full speed, and short enough for a round. */
export const CONVOLUTION = { rows: 2, channels: 256, side: 28, kernel: 3 } as const;

/** Its operations, a multiplication and its addition being two. */
export const CONVOLUTION_OPERATIONS =
  2 * CONVOLUTION.rows * CONVOLUTION.side ** 2 * CONVOLUTION.channels ** 2 * CONVOLUTION.kernel ** 2;
