import { makeZip } from '../support/zip.js';

/** The smallest thing that is told to be TorchScript. */
export const TORCHSCRIPT = makeZip({ 'm/data.pkl': 'x', 'm/code/__torch__.py': 'x', 'm/constants.pkl': 'x' });

/** The smallest thing that is told to be an AOTInductor package. */
export const AOTINDUCTOR = makeZip({ 'm/data/aotinductor/model/m.wrapper.so': 'x', 'm/archive_format': 'pt2' });

/** The smallest thing that is told to be ONNX: ir_version 8, producer "p", a graph of 5 bytes, an opset. */
export const ONNX = Buffer.from([0x08, 8, 0x12, 1, 0x70, 0x3a, 5, 0x12, 3, 0x61, 0x62, 0x63, 0x42, 2, 0x10, 17]);
