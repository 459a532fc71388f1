"""onnxruntime in Python, with all optimizations of the graph, which are its default."""
from answer_lines import answer_lines


def open_model(file, threads):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    output = session.get_outputs()[0].name

    def prepare(arrays):
        return lambda: session.run([output], arrays)[0]

    return {"onnxruntime": onnxruntime.__version__}, f"{threads} thread(s)", prepare


answer_lines(open_model)
