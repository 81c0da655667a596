export default {
  mode: 'production',
  entry: './app.js',
  experiments: { outputModule: true },
  output: { module: true, filename: 'app.js' },
  optimization: { chunkIds: 'named' }, // the worker's file gets a name to hang its headers on
};
