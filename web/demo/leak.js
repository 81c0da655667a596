// A worker that tries to send something. The server gives it the policy of the
// SDK's worker, which can not be made to try: it has no code for it.

self.addEventListener('securitypolicyviolation', ({ effectiveDirective }) => self.postMessage(effectiveDirective));

self.onmessage = ({ data }) => {
  fetch('leak', { method: 'POST', body: data }).catch(() => {}); // the violation tells
};
