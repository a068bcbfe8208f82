update plan set snapshot = '1:1:'
