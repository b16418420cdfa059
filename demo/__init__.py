"""`make demo` and `make chaos`: run the print-color stack on local AWS and show what arrived."""
