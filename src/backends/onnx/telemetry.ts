/**
 * onnxruntime reports its use to its maker, and leaves log files in the working folder and the temporary one. Nobody who
 * loads a model here has agreed to that, so it is off unless the user has decided by this variable.
 */
export function refuseTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= '1';
}
