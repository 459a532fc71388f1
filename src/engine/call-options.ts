import type { Inputs } from '../backends/backend.js';
import { invalidOption, unknownOption, wrongOption } from '../config/option-errors.js';
import type { InfernodeError } from '../errors.js';
import { type InferRequest, LEAST_URGENT } from './inference.js';

/** How to call a model. */
export interface RunOptions {
  /** The method to call; `forward` by default. */
  readonly method?: string;
  /** Gives the call up: it is taken out of the queue, or its result is dropped if it runs already. */
  readonly signal?: AbortSignal;
}

const RUN_OPTIONS = ['method', 'signal'];
const REQUEST_FIELDS = ['inputs', 'method', 'outputs', 'priority', 'timeoutMs', 'signal'];

/** What is wrong with the options of a `run`; undefined if nothing is. An error is returned, for `run` rejects with it. */
export function mistakeInOptions(options: RunOptions): InfernodeError | undefined {
  return mistakeIn(options, RUN_OPTIONS);
}

/** What is wrong with a request besides its inputs; undefined if nothing is. */
export function mistakeInRequest(request: InferRequest): InfernodeError | undefined {
  const mistake = mistakeIn(request, REQUEST_FIELDS);
  if (mistake !== undefined) return mistake;
  const { inputs, method, outputs, priority, timeoutMs } = request;
  if (inputs === undefined) return invalidOption('A request needs inputs: {inputs: {name: tensor}}');
  if (method !== undefined && typeof method !== 'string') return invalidOption('Option method must be a name');
  if (outputs !== undefined && !(Array.isArray(outputs) && outputs.every((name) => typeof name === 'string')))
    return invalidOption('Option outputs must be an array of names');
  if (priority !== undefined && !(Number.isInteger(priority) && priority >= 1 && priority <= LEAST_URGENT))
    return invalidOption(
      `Option priority must be a whole number from 1 to ${LEAST_URGENT}; given: ${String(priority)}`,
    );
  if (timeoutMs !== undefined && !(typeof timeoutMs === 'number' && timeoutMs >= 0 && timeoutMs < 2 ** 31))
    return invalidOption(`Option timeoutMs must be a number of milliseconds below 2^31; given: ${String(timeoutMs)}`);
  return undefined;
}

/** What is wrong with the arguments of `inferMany`; undefined if nothing is. */
export function mistakeInStream(
  requests: unknown,
  options: { readonly concurrency?: number },
): InfernodeError | undefined {
  if (!isIterable(requests))
    return invalidOption('inferMany takes an iterable of requests: an array, a generator, a stream of objects');
  const mistake = unknownOption(options, ['concurrency']);
  if (mistake !== undefined) return mistake;
  const { concurrency } = options;
  const isValid = concurrency === undefined || (Number.isSafeInteger(concurrency) && concurrency >= 1);
  return isValid ? undefined : wrongOption('concurrency', 'an integer from 1', concurrency);
}

function isIterable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function mistakeIn(
  options: { readonly signal?: AbortSignal; readonly inputs?: Inputs },
  known: readonly string[],
): InfernodeError | undefined {
  const unknown = unknownOption(options, known);
  if (unknown !== undefined) return unknown;
  if (options.signal !== undefined && !(options.signal instanceof AbortSignal))
    return invalidOption('Option signal must be an AbortSignal');
  return undefined;
}
