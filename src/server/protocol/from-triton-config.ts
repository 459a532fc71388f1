import type { BatchingConfig } from '../../config/batching.js';
import type { ModelConfig, VersionSelection } from '../../config/model-config.js';
import { array, boolean, type Check, object, reject, text } from '../../config/schema.js';
import { DEFAULT_PRIORITY, LEAST_URGENT } from '../../engine/inference.js';
import type { Fields } from '../wire/fields.js';

/** What of a ModelConfig has an equal here, in the words of the latter. */
interface TritonConfig {
  readonly name: string;
  readonly platform: 'onnx' | 'torch';
  readonly backend: 'onnx' | 'torch';
  readonly max_batch_size: number;
  readonly dynamic_batching: BatchingConfig;
  /** Instances. */
  readonly instance_group: number;
  readonly version_policy: VersionSelection;
}

/** A whole number, which JSON that was made of a message has as a string where it is of 64 bits. */
const count: Check<number> = (value, place) => {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) && (number as number) >= 0
    ? (number as number)
    : reject(place, 'a whole number from 0', value);
};

/** Accepts what stands for nothing special only. */
const only =
  (...values: unknown[]): Check<unknown> =>
  (value, place) =>
    values.includes(value) ? value : reject(place, values.join(' or '), value);

const runtime: Check<'onnx' | 'torch'> = (value, place) => {
  if (value === 'onnxruntime' || value === 'onnxruntime_onnx') return 'onnx';
  if (value === 'pytorch' || value === 'pytorch_libtorch' || value === 'torch_aoti') return 'torch';
  return reject(place, 'onnxruntime or pytorch', value);
};

const queuePolicy = object<{
  timeout_action: unknown;
  default_timeout_microseconds: number;
  allow_timeout_override: boolean;
  max_queue_size: number;
}>({
  timeout_action: only('REJECT', 0),
  default_timeout_microseconds: count,
  allow_timeout_override: boolean,
  max_queue_size: count,
});

const batchingFields = object<{
  preferred_batch_size: number[];
  max_queue_delay_microseconds: number;
  preserve_ordering: boolean;
  priority_levels: unknown;
  default_priority_level: unknown;
  default_queue_policy: ReturnType<typeof queuePolicy>;
}>({
  preferred_batch_size: array(count, 'an array of sizes'),
  max_queue_delay_microseconds: count,
  preserve_ordering: boolean,
  priority_levels: only(0, LEAST_URGENT, String(LEAST_URGENT)),
  default_priority_level: only(0, DEFAULT_PRIORITY, String(DEFAULT_PRIORITY)),
  default_queue_policy: queuePolicy,
});

const dynamicBatching: Check<BatchingConfig> = (value, place) => {
  const fields = batchingFields(value, place);
  const { default_timeout_microseconds: timeout = 0, max_queue_size: queue = 0 } = fields.default_queue_policy ?? {};
  const { preferred_batch_size: sizes, max_queue_delay_microseconds: delay, preserve_ordering: keepOrder } = fields;
  return {
    ...(sizes !== undefined && { preferredSizes: sizes }),
    ...(delay !== undefined && { maxDelayMs: delay / 1000 }),
    ...(keepOrder !== undefined && { keepOrder }),
    // 0 says that nothing is said.
    ...(timeout > 0 && { timeoutMs: timeout / 1000 }),
    ...(queue > 0 && { maxQueue: queue }),
  };
};

const groups = array(
  object<{ name: string; kind: unknown; count: number }>({
    name: text,
    // Which device it is that models run on is the server's choice.
    kind: only('KIND_AUTO', 'KIND_CPU'),
    count,
  }),
  'an array of one group',
);

const instanceGroup: Check<number> = (value, place) => {
  const [group, ...others] = groups(value, place);
  if (group === undefined || others.length > 0) return reject(place, 'an array of one group', value);
  return Math.max(1, group.count ?? 1);
};

const policies = object<{ latest: { num_versions?: number }; all: object; specific: { versions?: number[] } }>({
  latest: object<{ num_versions: number }>({ num_versions: count }),
  all: object({}),
  specific: object<{ versions: number[] }>({ versions: array(count, 'an array of versions') }),
});

const versionPolicy: Check<VersionSelection> = (value, place) => {
  const { latest, all, specific } = policies(value, place);
  if ([latest, all, specific].filter((policy) => policy !== undefined).length !== 1) {
    return reject(place, 'one of latest, all, specific', value);
  }
  if (all !== undefined) return 'all';
  return specific === undefined ? { latest: Math.max(1, latest?.num_versions ?? 1) } : (specific.versions ?? []);
};

const tritonConfig = object<TritonConfig>({
  name: text,
  platform: runtime,
  backend: runtime,
  max_batch_size: count,
  dynamic_batching: dynamicBatching,
  instance_group: instanceGroup,
  version_policy: versionPolicy,
});

const OWN_KEYS = ['max_batch_size', 'dynamic_batching', 'instance_group', 'version_policy', 'platform', 'name'];

/** Whether a configuration is in the words of Triton's ModelConfig. */
export function isTritonConfig(config: Fields): boolean {
  const { backend } = config;
  return OWN_KEYS.some((key) => Object.hasOwn(config, key)) || backend === 'onnxruntime' || backend === 'pytorch';
}

/**
 * The content of a model.json that says the same as a ModelConfig of Triton.
 *
 * @param name of the model
 * @throws InfernodeError INF_REQUEST_INVALID for all that has no equal
 */
export function fromTritonConfig(name: string, config: Fields): ModelConfig {
  const place = { file: 'parameters.config', path: '', code: 'INF_REQUEST_INVALID' } as const;
  const given = tritonConfig(config, place);
  if (given.name !== undefined && given.name !== name) {
    reject({ ...place, path: 'name' }, `"${name}", as the request has it`, given.name);
  }
  const { max_batch_size: size, dynamic_batching: batching, backend = given.platform } = given;
  if (size !== undefined && size < 2 && batching !== undefined) {
    reject({ ...place, path: 'max_batch_size' }, 'more than 1 where there is dynamic_batching', size);
  }
  const hasBatching = size !== undefined || batching !== undefined;
  return {
    ...(backend !== undefined && { backend }),
    // Rows are not joined where there is no batch dimension.
    ...(hasBatching && { batching: { ...batching, ...(size !== undefined && { maxSize: Math.max(1, size) }) } }),
    ...(given.instance_group !== undefined && { instances: given.instance_group }),
    ...(given.version_policy !== undefined && { versions: given.version_policy }),
  };
}
