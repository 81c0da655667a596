npx esbuild app.js worker=nearside/worker channel-worker=nearside/channel-worker nearside=nearside/nearside.wasm \
  --bundle --splitting --minify --format=esm --loader:.wasm=copy --outdir=dist
