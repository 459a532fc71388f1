import { InfernodeError } from '../../errors.js';
import type { Backend, BackendStatus } from '../backend.js';
import { probeRuntime } from './probe.js';
import { OnnxSession } from './session.js';
import { refuseTelemetry } from './telemetry.js';

let probed: Promise<BackendStatus> | undefined;

/** Runs ONNX models with onnxruntime-node on the CPU, each in a worker thread while it is loaded. */
export const onnxBackend: Backend = {
  name: 'onnx',
  formats: ['onnx'],

  probe({ fresh = false } = {}) {
    // Before anything loads the runtime, here or in a child process.
    refuseTelemetry();
    if (fresh || probed === undefined) probed = probeRuntime({ fresh });
    return probed;
  },

  /** Nothing is opened in this thread: models open the runtime in worker threads, and `load` deals with one that fails there. */
  prepare() {
    return onnxBackend.probe();
  },

  async load(path, format, options) {
    if (format !== 'onnx') {
      throw new InfernodeError('INF_MODEL_FORMAT', `The onnx backend loads ONNX models; ${path} is ${format}`, {
        details: { path, expected: 'onnx', given: format },
      });
    }
    if (options.device !== 'cpu') {
      throw new InfernodeError('INF_DEVICE_UNAVAILABLE', `The onnx backend runs on cpu, not on ${options.device}`, {
        details: { expected: 'cpu', given: options.device },
      });
    }
    const { precision = 'auto' } = options;
    if (precision === 'bf16' || precision === 'tf32') {
      throw new InfernodeError(
        'INF_PRECISION_UNSUPPORTED',
        `The onnx backend does not compute in ${precision}: use fp32, fp16 or int8`,
        {
          details: { expected: 'auto, fp32, fp16 or int8', given: precision },
        },
      );
    }
    const { available, reason, attempts } = await onnxBackend.probe();
    if (!available) throw new InfernodeError('INF_BACKEND_UNAVAILABLE', reason, { details: { attempts } });
    try {
      return await OnnxSession.open(path, options);
    } catch (error) {
      // It loaded when it was probed, which may be long ago.
      if (error instanceof InfernodeError && error.code === 'INF_BACKEND_UNAVAILABLE') {
        await onnxBackend.probe({ fresh: true });
      }
      throw error;
    }
  },
};
