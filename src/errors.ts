/** One row per error: the HTTP status and gRPC code a server answers with, and what the error means. */
interface ErrorRow {
  readonly http: number;
  readonly grpc: GrpcCode;
}

type GrpcCode =
  | 'CANCELLED'
  | 'INVALID_ARGUMENT'
  | 'NOT_FOUND'
  | 'FAILED_PRECONDITION'
  | 'RESOURCE_EXHAUSTED'
  | 'DEADLINE_EXCEEDED'
  | 'UNAUTHENTICATED'
  | 'PERMISSION_DENIED'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE';

/**
 * Every error that Infernode raises, by code. docs/ERRORS.md explains each to users; a test keeps the two in step.
 * Codes are a public contract: they are never renamed, only added.
 */
export const ERRORS = {
  INF_MODEL_NOT_FOUND: { http: 404, grpc: 'NOT_FOUND' },
  INF_MODEL_FORMAT: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_MODEL_INVALID: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_MODEL_UNSAFE: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_MODEL_CONFIG: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_MODEL_FAILED: { http: 500, grpc: 'INTERNAL' },
  INF_MODEL_CLOSED: { http: 503, grpc: 'UNAVAILABLE' },
  INF_MODEL_NOT_READY: { http: 503, grpc: 'UNAVAILABLE' },
  INF_QUEUE_FULL: { http: 503, grpc: 'RESOURCE_EXHAUSTED' },
  INF_DEADLINE_EXCEEDED: { http: 504, grpc: 'DEADLINE_EXCEEDED' },
  INF_SHUTTING_DOWN: { http: 503, grpc: 'UNAVAILABLE' },
  INF_METHOD_UNKNOWN: { http: 404, grpc: 'NOT_FOUND' },
  INF_INPUT_UNKNOWN: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_INPUT_MISSING: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_INPUT_TYPE: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_INPUT_DTYPE: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_INPUT_SHAPE: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_INPUT_VALUE: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_TENSOR_DTYPE: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_TENSOR_SHAPE: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_TENSOR_DATA: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_TENSOR_DETACHED: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_OUTPUT_UNKNOWN: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_OUTPUT_UNSUPPORTED: { http: 500, grpc: 'UNIMPLEMENTED' },
  INF_OUTPUT_MISMATCH: { http: 500, grpc: 'INTERNAL' },
  INF_OPTION_INVALID: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_FILE_INVALID: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_BACKEND_UNAVAILABLE: { http: 503, grpc: 'UNAVAILABLE' },
  INF_BINARY_INVALID: { http: 503, grpc: 'UNAVAILABLE' },
  INF_BUILD_FAILED: { http: 500, grpc: 'INTERNAL' },
  INF_BACKEND_CRASHED: { http: 503, grpc: 'UNAVAILABLE' },
  INF_DEVICE_UNAVAILABLE: { http: 503, grpc: 'UNAVAILABLE' },
  INF_DEVICE_FAILED: { http: 503, grpc: 'UNAVAILABLE' },
  INF_PRECISION_UNSUPPORTED: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_QUANTIZE_NOTHING: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_QUANTIZED_ALREADY: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_CALIBRATION_INVALID: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_CONVERSION_FAILED: { http: 422, grpc: 'FAILED_PRECONDITION' },
  INF_REQUEST_INVALID: { http: 400, grpc: 'INVALID_ARGUMENT' },
  INF_REQUEST_TOO_LARGE: { http: 413, grpc: 'RESOURCE_EXHAUSTED' },
  INF_REQUEST_UNSUPPORTED: { http: 501, grpc: 'UNIMPLEMENTED' },
  INF_UNAUTHENTICATED: { http: 401, grpc: 'UNAUTHENTICATED' },
  INF_FORBIDDEN: { http: 403, grpc: 'PERMISSION_DENIED' },
  INF_LISTEN_FAILED: { http: 500, grpc: 'INTERNAL' },
  INF_OUT_OF_MEMORY: { http: 503, grpc: 'RESOURCE_EXHAUSTED' },
  INF_ABORTED: { http: 499, grpc: 'CANCELLED' },
  INF_INTERNAL: { http: 500, grpc: 'INTERNAL' },
} as const satisfies Record<string, ErrorRow>;

/** The code of an {@link InfernodeError}; one of the keys of {@link ERRORS}. */
export type ErrorCode = keyof typeof ERRORS;

/** What an error is about, for programs: the input's name, what was expected, what was given. */
export interface ErrorDetails {
  readonly name?: string;
  readonly expected?: string;
  readonly given?: string;
  readonly [key: string]: unknown;
}

const brand = Symbol.for('infernode.error');

/**
 * The only error class that Infernode throws. Branch on `code`; `message` is for people and may change.
 * `cause` keeps the lower layer's error (for a model that failed while it ran, its TorchScript trace).
 */
export class InfernodeError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; details?: ErrorDetails } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    // Callers of web APIs test `error.name === 'AbortError'`.
    this.name = code === 'INF_ABORTED' ? 'AbortError' : 'InfernodeError';
    this.code = code;
    this.details = options.details ?? {};
    Object.defineProperty(this, brand, { value: true });
  }

  /** The HTTP status a server answers with. */
  get httpStatus(): number {
    return ERRORS[this.code].http;
  }

  /** The gRPC status name a server answers with. */
  get grpcCode(): GrpcCode {
    return ERRORS[this.code].grpc;
  }

  /** Works across two installed copies of the package and across realms. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return typeof value === 'object' && value !== null && (value as Record<symbol, unknown>)[brand] === true;
  }
}

/** The error of an aborted call; `cause` is the signal's reason. */
export function abortError(signal: AbortSignal, what: string): InfernodeError {
  return new InfernodeError('INF_ABORTED', `${what} was aborted`, { cause: signal.reason });
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
