"""What `import compatshim` costs a program that is healthy: instructions, CPU time, growth, and the finder."""
