/** How to get a file that Infernode runs out of a model that only Python can load. */
export const EXPORT_HINT =
  'Load the model in Python and export it: ' +
  "torch.jit.script(model.eval()).save('model.pt'), " +
  "or torch.onnx.export(model.eval(), example_inputs, 'model.onnx'), " +
  'or torch._inductor.aoti_compile_and_package(torch.export.export(model.eval(), example_inputs), ' +
  "package_path='model.pt2')";

/** How to make an AOTInductor package of an exported program. */
export const COMPILE_HINT =
  'Compile it in Python: torch._inductor.aoti_compile_and_package(torch.export.load(path), ' +
  "package_path='model.pt2')";
