export const nchanModule = '/usr/lib/nginx/modules/ngx_nchan_module.so'

/**
 * nginx with nchan: one worker, and a buffer of so many messages: what is in flight in a broadcast, and more.
 * Subscribers come by WebSocket, as an event stream or by long polling.
 */
export function nchanConfig(port: number, directory: string, buffered = 8192): string {
  // The run's directory belongs to whoever runs the bench; a worker of another user could not use it.
  const user = process.getuid?.() === 0 ? 'user root;' : ''
  return `
load_module ${nchanModule};
${user}
daemon off;
worker_processes 1;
pid ${directory}/pid;
error_log stderr error;
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  nchan_max_reserved_memory 512M;
  server {
    listen 127.0.0.1:${port};
    location = /subscribe {
      nchan_subscriber websocket eventsource longpoll;
      nchan_channel_id bench;
      nchan_subscriber_first_message newest;
    }
    location = /publish {
      nchan_publisher websocket http;
      nchan_channel_id bench;
      nchan_message_buffer_length ${buffered};
      nchan_message_timeout 60s;
    }
    location / { return 204; }
  }
}
`
}
