"""The parts of `pipeline/local/runtime_api.py`: HTTP, processes, output, extensions, telemetry; no MiniStack."""
