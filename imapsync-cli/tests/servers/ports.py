"""ports.py free N: prints N ports of 127.0.0.1 that nobody uses. ports.py wait PORT SECONDS: waits for an IMAP greeting."""
import socket
import sys
import time

if sys.argv[1] == "free":
    held = []
    for _ in range(int(sys.argv[2])):
        held.append(socket.create_server(("127.0.0.1", 0)))
    print(*(s.getsockname()[1] for s in held))
    sys.exit(0)

port, deadline = int(sys.argv[2]), time.monotonic() + float(sys.argv[3])
while time.monotonic() < deadline:
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as s:
            s.settimeout(5)
            if s.recv(4096).startswith(b"* OK"):
                sys.exit(0)
    except OSError:
        pass
    time.sleep(0.02)
sys.exit("port %d: no IMAP greeting" % port)
