"""onnxruntime in Python."""
from answer_lines import answer_lines


def open_model(file, threads):
    import onnxruntime
    from onnx_session import open_session
    session, output = open_session(file, threads)

    def prepare(arrays):
        return lambda: session.run([output], arrays)[0]

    return {"onnxruntime": onnxruntime.__version__}, f"{threads} thread(s)", prepare


answer_lines(open_model)
