import { torchScriptProgram } from './torchscript-program.js';

/** A program that multiplies its inputs `a` and `b`, `integers` or not, and gives one element of the product. */
export function matmulTorchScript(): Uint8Array {
  return torchScriptProgram(`def forward(self: __torch__.Program,
  a: Tensor,
  b: Tensor,
  integers: bool) -> Tensor:
  if integers:
    y = torch._int_mm(a, b)
  else:
    y = torch.matmul(a, b)
  return torch.slice(torch.slice(y, 0, 0, 1), 1, 0, 1)`);
}

/** A program that convolves its input `x` with `w`, over the edge by half the kernel, and gives one element of the result. */
export function convolutionTorchScript(kernel: number): Uint8Array {
  const pad = Math.floor(kernel / 2);
  return torchScriptProgram(`def forward(self: __torch__.Program,
  x: Tensor,
  w: Tensor) -> Tensor:
  y = torch.conv2d(x, w, None, [1, 1], [${pad}, ${pad}], [1, 1], 1)
  return torch.slice(torch.slice(torch.slice(torch.slice(y, 0, 0, 1), 1, 0, 1), 2, 0, 1), 3, 0, 1)`);
}
