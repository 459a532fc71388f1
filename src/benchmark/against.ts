import { join, parse } from 'node:path';
import type { ModelFormat, Outputs } from '../backends/backend.js';
import { InfernodeError, messageOf } from '../errors.js';
import { resolveModel } from '../models/locate.js';
import { type Agreement, agreementOf } from './agreement.js';
import type { Contestants } from './contestant.js';
import { Measurement, type Plan } from './measurement.js';
import type { Scouted } from './protocol.js';

const ONNX: readonly ModelFormat[] = ['onnx'];

/** The ONNX file of a model: the model itself, the one in its folder, or one of the same name beside it; null without one. */
export async function findOnnxFile(path: string): Promise<string | null> {
  const { dir, name } = parse(path);
  for (const place of [path, join(dir, `${name}.onnx`)]) {
    const found = await resolveModel(place, { formats: ONNX }).catch(() => null);
    if (found !== null) return found.candidates[0]!.file;
  }
  return null;
}

/** The other side of a benchmark: measured, or absent for a reason. */
export interface Opponent {
  readonly measurement: Measurement | null;
  readonly agreement: Agreement | null;
  readonly absent: string | null;
}

/**
 * Opens the ONNX file of a model by onnxruntime-node alone and compares its first answer.
 *
 * @param outputs the first answer of this SDK
 * @throws InfernodeError INF_OUTPUT_MISMATCH
 */
export async function openOpponent(
  file: string | null,
  scouted: Scouted,
  plan: Plan,
  outputs: Outputs,
  tolerance: number,
  contestants: Contestants,
): Promise<Opponent> {
  const absent = (reason: string): Opponent => ({ measurement: null, agreement: null, absent: reason });
  const { method, format } = scouted;
  if (format !== 'onnx' && method !== 'forward') return absent(`ONNX files do what forward does, not ${method}`);
  if (file === null) return absent(`there is no ONNX file of this model, only ${format}`);
  if (scouted.device !== 'cpu') return absent(`the model runs on ${scouted.device}, onnxruntime-node on the CPU`);
  const { threads } = scouted;
  const measurement = new Measurement('onnxruntime-node', { runtime: 'onnxruntime-node', file, threads }, null, plan);
  try {
    const contestant = await measurement.open(contestants);
    const agreement = agreementOf(outputs, await contestant.outputs(), tolerance);
    return { measurement, agreement, absent: null };
  } catch (error) {
    if (error instanceof InfernodeError && error.code === 'INF_OUTPUT_MISMATCH') throw error;
    return absent(messageOf(error));
  }
}
