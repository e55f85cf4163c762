import sys
from tests.integration.sandbox.test_deploy_together import *
from tests.integration.sandbox.test_deploy_together import stack, read_back, run_command, with_a_fault
from tests.support.injected_faults import REAL_NODES

def show(stack, *arguments, injected=""):
    result = run_command(stack, *arguments, code=with_a_fault(injected) if injected else None)
    read_back(stack)
    with open("/tmp/feat_out.txt", "a") as f:
        f.write("$ switchyard " + " ".join(arguments) + f"   -> {result.returncode}\n" + result.stdout + ("--err--\n" + result.stderr if result.stderr else "") + "\n")
    return result

def test_out(of_module, stack):
    kubectl = of_module.kubectl
    stack.set("services.backend.release.watch", {"prometheus": "http://prometheus.monitoring:9090"})
    show(stack, "deploy", "backend", "v1.1.0", "--yes", injected=REAL_NODES)
    show(stack, "deploy", "backend", "v1.1.0", "--hotfix", "--hold-after", "prove", "--yes", injected=REAL_NODES)
    show(stack, "history", "backend")
    show(stack, "abort", "backend", "--yes")
    stack.set("services.backend.release.watch", {"seconds": 60})
    show(stack, "deploy", "backend", "v1.1.0", "--yes", injected=REAL_NODES)
    stack.set("services.backend.release.watch", {"seconds": 0})
    show(stack, "deploy", "backend", "v1.1.0", "--yes")
    show(stack, "status")
    show(stack, "rollback", "backend", "--yes")
    show(stack, "status")
    show(stack, "status", "--json")
    started = show(stack, "deploy", f"backend=v3.0.0{NEVER_READY}", "worker=v3.0.0", "--together", "--detach", "--yes")
    show(stack, "status")
    show(stack, "abort", "worker", "--yes")
    show(stack, "status")
