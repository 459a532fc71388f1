"""How the peers open an ONNX file: all optimizations of the graph, which are onnxruntime's default, on the CPU."""
import onnxruntime


def open_session(file, threads):
    """A session, and the name of its first output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    return session, session.get_outputs()[0].name
