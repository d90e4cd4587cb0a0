/** Asks whether a Docker engine answers, and why not. */
import { request } from 'node:http';

const answerMillisMax = 3000;

function engineAddress() {
  const host = process.env.DOCKER_HOST;
  if (host === undefined || host === '') return { socketPath: '/var/run/docker.sock' };
  const url = new URL(host);
  return url.protocol === 'unix:'
    ? { socketPath: url.pathname }
    : { host: url.hostname, port: url.port || 2375 };
}

const reasons = {
  ENOENT: 'no Docker engine is running',
  ECONNREFUSED: 'no Docker engine is running',
  EACCES: 'this user may not talk to the Docker engine',
};

/** Resolves to undefined when an engine answers, else to a sentence that says why there is none to use. */
export function whyNoDocker() {
  return new Promise((resolve) => {
    const asked = request({ ...engineAddress(), path: '/_ping', timeout: answerMillisMax }, (response) => {
      response.resume();
      resolve(response.statusCode === 200 ? undefined : `the Docker engine answers ${response.statusCode}`);
    });
    asked.once('timeout', () => asked.destroy(new Error('the Docker engine does not answer')));
    asked.once('error', (error) => resolve(reasons[error.code] ?? error.message));
    asked.end();
  });
}
