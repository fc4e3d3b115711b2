"""The lab: convolution to touch, in the browser. `serve` starts it, `create_app` is the web application itself."""
